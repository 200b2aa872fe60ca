/**
 * A source: something that binary files can be taken from when they are not in the data directory.
 *
 * @module
 */
import type { DataFile } from "~/lib/dataset/catalogue.ts";
import type { OnProgress } from "~/lib/files/progress.ts";

/** What a source works with. */
export interface Delivery {
  /** The files to deliver. */
  readonly wanted: readonly DataFile[];
  /** A folder for unfinished files, removed afterwards. */
  readonly folder: string;
  /** Ends the delivery with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told how far the source is. */
  readonly report: OnProgress;
  /** Takes a file's bytes; checks them and refuses wrong ones. */
  readonly deliver: (file: DataFile, bytes: Uint8Array) => Promise<void>;
}

/** Something that files can be taken from. */
export interface Source {
  /** As it stands in messages. */
  readonly name: string;
  /**
   * Delivers as many of the wanted files as it can.
   *
   * @throws {Error} If it cannot go on; what was delivered before counts.
   */
  readonly fetch: (delivery: Delivery) => Promise<void>;
  /**
   * Looks, after a delivery that failed, for what is wrong with the source itself, and sets it
   * aside if it is a damaged file of the data directory.
   *
   * @returns What is wrong and what became of it; undefined if nothing is known to be.
   */
  readonly examine?: () => Promise<string | undefined>;
}
