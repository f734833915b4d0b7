/** How often a property of hostile input is tried: as often as ACE_FUZZ_RUNS says (100000 in the long form), else so many times. */
export function fuzzRuns(usual: number): { numRuns: number } {
  const asked = Number(process.env['ACE_FUZZ_RUNS'] ?? 0);
  return { numRuns: Math.max(usual, asked) };
}

/** What a property may take for the runs that are asked for: a millisecond each is plenty, and a minute in any case. */
export function fuzzTimeoutMs(): number {
  return 60_000 + Number(process.env['ACE_FUZZ_RUNS'] ?? 0) * 10;
}
