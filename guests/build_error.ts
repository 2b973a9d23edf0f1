/** A guest could not be built. The message is for the user: what the compiler said, or what to install. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}
