/** Comments that are wider than the code: Biome wraps that, and leaves comments as they are. */
import type { SourceFile } from './source-files.ts'

const WIDTH = 110

/** Each as "file: comment". A single long word, such as an address, cannot be wrapped. */
export function findWideComments(sources: readonly Pick<SourceFile, 'name' | 'text'>[]): string[] {
  return sources.flatMap(({ name, text }) =>
    (text.match(/^ *(?:\/\*\*?|\*|\/\/) \S+ .*$/gm) ?? [])
      .filter((line) => line.length > WIDTH)
      .map((line) => `${name}: ${line.trim()}`),
  )
}
