/** A place that says which roots a CT log accepts. */
export interface RootSource {
  /** What it is called towards the operator and where its roots are remembered: a file, a URL. */
  readonly name: string;
  /**
   * Certificates, DER. Throws when they cannot be had; settles soon after `signal` fires. They are compared with what
   * was there before, so it may be asked often.
   */
  read(signal: AbortSignal): Promise<readonly Uint8Array[]>;
  /** From one look to the next, ms. */
  readonly everyMs: number;
  /**
   * True for what others publish: a root that was seen there once stays accepted, also after a restart, until the
   * configuration rejects it. False for what the operator writes: its newest content counts.
   */
  readonly lasting: boolean;
  /** Over the network: the log does not wait for it at its start, since it may be a part that starts with it. */
  readonly remote: boolean;
}
