/** An executable, loaded once and shared by all VMs that run it. */
export interface Image {
  readonly name: string;
  /** First instruction. */
  readonly entry: number;
  /** End of the highest segment, bytes. */
  readonly end: number;
}
