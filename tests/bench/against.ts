/**
 * `deno task bench --against REF`: this build and a committed one in turn, so that a claim of speed is
 * one command.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { type Texts, toWords } from "~/lib/cli/words.ts";
import type { About } from "~/lib/cli/main.ts";
import { dataDirectory } from "~/lib/dataset.ts";
import { callProgram } from "~/lib/files/programs.ts";
import { describeRow, median, type Row } from "~/tests/bench/row.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Times that each build is started; each gives medians of five of its own. */
const ROUNDS = 3;

/** A row of this build, the median over the rounds, with the other build's rate. */
export interface Comparison extends Row {
  readonly against: { readonly commit: string; readonly samplesPerSecond: number };
  /** This build's rate over the other's. */
  readonly ratio: number;
}

/**
 * Checks the commit out into a temporary worktree, runs both builds there and here in turn, prints
 * each row beside the other's, and removes the worktree.
 *
 * @param about Its options are those of the other build, too.
 */
export async function benchAgainst(
  reference: string,
  { texts, signal, onProgress, onMessage }: About,
): Promise<Comparison[]> {
  const commit = await call("git", ["rev-parse", "--verify", `${reference}^{commit}`]);
  const folder = join(Deno.env.get("TMPDIR") ?? "/tmp", `bench-${commit.slice(0, 12)}-${Deno.pid}`);
  const { against: _, json: __, ...given } = texts;
  const options = { data: dataDirectory(), ...given };
  await call("git", ["worktree", "add", "--quiet", "--detach", folder, commit]);
  try {
    await call(Deno.execPath(), ["install", "--quiet", "--frozen"], folder);
    const rounds: { ours: Row[]; theirs: Row[] }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const times: Row[][] = [];
      for (const place of [folder, ROOT]) {
        signal.throwIfAborted();
        times.push(await bench(place, options));
        onProgress({ message: "", done: 2 * round + times.length, total: 2 * ROUNDS });
      }
      rounds.push({ theirs: times[0]!, ours: times[1]! });
    }
    const rows = compare(rounds, commit.slice(0, 12));
    for (const row of rows) onMessage(describeComparison(row));
    return rows;
  } finally {
    await call("git", ["worktree", "remove", "--force", folder]);
  }
}

/** The rows that both builds have, medians over the rounds. */
export function compare(
  rounds: readonly { readonly ours: readonly Row[]; readonly theirs: readonly Row[] }[],
  commit: string,
): Comparison[] {
  const rateOf = (rows: readonly Row[], row: Row): number[] =>
    rows.filter(({ optimizer, batchSize, networks }) =>
      optimizer === row.optimizer && batchSize === row.batchSize && networks === row.networks
    ).map(({ samplesPerSecond }) => samplesPerSecond);
  return rounds[0]!.ours.flatMap((row) => {
    const [ours, theirs] = [
      rounds.flatMap((round) => rateOf(round.ours, row)),
      rounds.flatMap((round) => rateOf(round.theirs, row)),
    ];
    if (theirs.length === 0) return [];
    const samplesPerSecond = median(ours);
    const against = { commit, samplesPerSecond: median(theirs) };
    const ratio = samplesPerSecond / against.samplesPerSecond;
    return [{ ...row, samplesPerSecond, against, ratio }];
  });
}

/** A row in words, with the other build's rate behind it. */
export function describeComparison(row: Comparison): string {
  const { against: { commit, samplesPerSecond }, ratio } = row;
  return `${describeRow(row)}; ${commit}: ${samplesPerSecond.toPrecision(4)}, ratio ` +
    ratio.toFixed(3);
}

/** One bench in a folder. */
async function bench(folder: string, options: Texts): Promise<Row[]> {
  const words = ["task", "--quiet", "bench", "--json", ...toWords(options)];
  return JSON.parse(await call(Deno.execPath(), words, folder));
}

/** What a program prints on stdout. @throws {Error} If it fails, in its words. */
async function call(program: string, args: readonly string[], cwd = ROOT): Promise<string> {
  const called = await callProgram(program, args, { cwd, env: { INIT_CWD: cwd } });
  if (called?.code !== 0) {
    const reason = called?.stderr.trim() ?? "it is not on PATH";
    throw new Error(`Cannot compare as ${program} failed: ${reason}`);
  }
  return called.stdout.trim();
}
