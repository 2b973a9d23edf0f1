/** Version of this program; control_test.ts compares it with deno.json, which nothing can import. */
export const VERSION = "0.1.0";
