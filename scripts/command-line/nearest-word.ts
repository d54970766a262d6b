/** What somebody may have meant who wrote a word that does not exist. */

/** Longer words are not compared. */
const LONGEST = 64

/** `; did you mean X?` for the known word that needs the fewest changes, or nothing when none is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const near = nearestWord(word, known)
  return near === undefined ? '' : `; did you mean ${near}?`
}

/** A word is near when a third of its letters or fewer are others, or when it begins with the given one. */
function nearestWord(word: string, known: Iterable<string>): string | undefined {
  if (word.length > LONGEST || word.length < 2) return undefined
  const given = word.toLowerCase()
  let nearest: { word: string; changes: number } | undefined
  for (const one of known) {
    const changes = changesBetween(given, one.toLowerCase())
    if (changes <= Math.max(given.length, one.length) / 3 && changes < (nearest?.changes ?? Infinity))
      nearest = { word: one, changes }
  }
  return nearest?.word ?? only([...known].filter((one) => one.toLowerCase().startsWith(given)))
}

function only(words: string[]): string | undefined {
  return words.length === 1 ? words[0] : undefined
}

/** Letters that are missing, added, replaced, or exchanged with their neighbour. */
function changesBetween(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + (isSame ? 0 : 1),
        swapped ? before[j - 2]! + 1 : Infinity,
      )
    }
    before = last
    last = row
  }
  return last[b.length]!
}
