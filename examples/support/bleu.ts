/** How often each run of `n` words occurs. */
function runs(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const run = words.slice(i, i + n).join(' ');
    counts.set(run, (counts.get(run) ?? 0) + 1);
  }
  return counts;
}

/**
 * BLEU of translations with one reference each, from 0 to 100: `100 min(1, e^(1 - r / c)) (p1 p2 p3 p4)^(1/4)`. `pn` is the
 * share of runs of n words in all translations that are in their references (each as often as it is there), `c` and `r` count
 * the words of all translations and references. Words are what spaces separate; nothing is smoothed.
 * @source Papineni et al. 2002; as sacrebleu with `tokenize='none'`, `smooth_method='none'`
 */
export function bleu(translations: readonly string[], references: readonly string[]): number {
  const split = (texts: readonly string[]) =>
    texts.map((text) => text.split(/\s+/).filter((word) => word !== ''));
  const [made, right] = [split(translations), split(references)];
  const precisions = [1, 2, 3, 4].map((n) => {
    let [matches, total] = [0, 0];
    made.forEach((words, i) => {
      const there = runs(right[i] ?? [], n);
      for (const [run, count] of runs(words, n)) {
        matches += Math.min(count, there.get(run) ?? 0);
        total += count;
      }
    });
    return total === 0 ? 0 : matches / total;
  });
  const [c, r] = [made.flat().length, right.flat().length];
  if (c === 0) return 0;
  return (
    100 * Math.min(1, Math.exp(1 - r / c)) * precisions.reduce((product, p) => product * p, 1) ** (1 / 4)
  );
}
