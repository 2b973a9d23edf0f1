/** The folder for swap in a data folder. */

/** Makes it, and removes what a process left there that was killed at the wrong moment. */
export async function openSwapFolder(dataFolder: string): Promise<string> {
  const folder = `${dataFolder}/swap`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".swap")) await Deno.remove(`${folder}/${name}`).catch(() => {});
  }
  return folder;
}
