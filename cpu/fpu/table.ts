import type { Form } from "../form.ts";
export const FPU_FORMS: readonly Form[] = [];
