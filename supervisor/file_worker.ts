/** Options of a Worker that may use some files and nothing else: paths without symbolic links. */
export function fileWorkerOptions(paths: string[]): WorkerOptions {
  return {
    type: "module",
    deno: {
      permissions: {
        env: false,
        ffi: false,
        import: false,
        net: false,
        read: paths,
        run: false,
        sys: false,
        write: paths,
      },
    },
  };
}
