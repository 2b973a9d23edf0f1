/** What a file is read and written by: each transfer names its place. Nobody else may seek in it. */

export interface Positioned {
  /** Bytes that were read; 0: end of file. */
  read(buffer: Uint8Array, position: number): number;
  /** Bytes that were written. */
  write(buffer: Uint8Array, position: number): number;
}

export function positioned(file: Deno.FsFile): Positioned {
  return {
    read(buffer, position) {
      file.seekSync(position, Deno.SeekMode.Start);
      return file.readSync(buffer) ?? 0;
    },
    write(buffer, position) {
      file.seekSync(position, Deno.SeekMode.Start);
      return file.writeSync(buffer);
    },
  };
}
