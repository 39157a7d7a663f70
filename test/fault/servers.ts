/** A process, or several behind one address, that serves now. */
export interface Serving {
  /** One life: sizes that it shows never go back. */
  readonly life: string;
  readonly url: string;
}

/** What serves a log under faults; who asks sees addresses that come and go. */
export interface Servers {
  readonly slots: readonly number[];
  /** Undefined while nobody serves there. */
  serving(slot: number): Serving | undefined;
  /** Processes that served and then ended by themselves: no fault of the outside may do that. */
  readonly selfEnded: readonly string[];
}
