/** Makes names that were added to a folder, or changed in it, survive a loss of power. */
export function syncFolder(path: string): void {
  using folder = Deno.openSync(path);
  folder.syncSync();
}
