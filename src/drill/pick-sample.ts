/**
 * So many of the items, each as likely as any other, in their old order; all of them if there are fewer. Pure.
 * @param random returns a number from 0 up to 1.
 */
export function pickSample<T>(items: readonly T[], size: number, random: () => number): T[] {
  const shuffled = [...items.keys()];
  const picked = Math.min(size, items.length);
  for (let at = 0; at < picked; at += 1) {
    const other = at + Math.floor(random() * (shuffled.length - at));
    [shuffled[at], shuffled[other]] = [shuffled[other] as number, shuffled[at] as number];
  }
  const chosen = shuffled.slice(0, picked).sort((a, b) => a - b);
  return chosen.map((index) => items[index] as T);
}
