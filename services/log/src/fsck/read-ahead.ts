/** Results of `fetch` for 0 to count−1, in order, with `window` of them under way or waiting at a time. */
export async function* inOrder<T>(
  count: number,
  window: number,
  fetch: (index: number) => Promise<T>,
): AsyncGenerator<[number, T]> {
  const waiting: Promise<T>[] = [];
  let next = 0;
  for (let index = 0; index < count; index++) {
    for (; next < count && waiting.length < window; next++) {
      const started = fetch(next);
      // Its failure is told when its turn comes; until then it must not count as one that nobody handles.
      started.catch(() => undefined);
      waiting.push(started);
    }
    yield [index, await (waiting.shift() as Promise<T>)];
  }
}
