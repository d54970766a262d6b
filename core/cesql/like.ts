/**
 * The LIKE operator (CESQL 1.0, section 3.4.3): a nondeterministic automaton whose states are bits, all of
 * which take one character at a time. The time is that of the text times a 32nd of the pattern, whatever the
 * two are.
 */

/** `words`: the price of one character. */
type LikePattern = { matches(text: string): boolean; readonly words: number }

/**
 * `%` stands for any characters, `_` for one, either literally behind a backslash. A character is a code
 * point of Unicode.
 */
export function likePattern(pattern: string): LikePattern {
  const { elements, loops } = elementsOf(pattern)
  // State n: n elements have been matched.
  const words = (elements.length >> 5) + 1
  const stays = bits(words, [...loops])
  const others = bits(
    words,
    elements.flatMap((element, index) => (element === undefined ? [index + 1] : [])),
  )
  const moves = new Map<number, Uint32Array>()
  for (const [index, element] of elements.entries()) {
    if (element === undefined) continue
    const found = moves.get(element) ?? others.slice()
    set(found, index + 1)
    moves.set(element, found)
  }
  const automaton = { moves, others, stays, last: elements.length }
  return { matches: words === 1 ? (text) => runOne(automaton, text) : (text) => run(automaton, text), words }
}

type Automaton = { moves: Map<number, Uint32Array>; others: Uint32Array; stays: Uint32Array; last: number }

/** The same as `run` for patterns of up to 31 elements, as most are: ten times as fast. */
function runOne({ moves, others, stays, last }: Automaton, text: string): boolean {
  const stay = stays[0]!
  let states = 1
  for (let at = 0; at < text.length && states !== 0; at++) {
    const character = text.codePointAt(at)!
    if (character > 0xffff) at++
    states = ((states << 1) & (moves.get(character) ?? others)[0]!) | (states & stay)
  }
  return ((states >>> last) & 1) === 1
}

function run({ moves, others, stays, last }: Automaton, text: string): boolean {
  const states = bits(stays.length, [0])
  for (let at = 0; at < text.length; at++) {
    const character = text.codePointAt(at)!
    if (character > 0xffff) at++
    const move = moves.get(character) ?? others
    let carry = 0
    for (let word = 0; word < states.length; word++) {
      const before = states[word]!
      states[word] = (((before << 1) | carry) & move[word]!) | (before & stays[word]!)
      carry = before >>> 31
    }
  }
  return has(states, last)
}

/** The characters, undefined for any one; `loops` are the states in which a `%` stands. */
function elementsOf(pattern: string): { elements: (number | undefined)[]; loops: Set<number> } {
  const elements: (number | undefined)[] = []
  const loops = new Set<number>()
  const characters = [...pattern]
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!
    const following = characters[at + 1]
    if (character === '%') loops.add(elements.length)
    else if (character === '_') elements.push(undefined)
    else if (character === '\\' && (following === '%' || following === '_')) {
      elements.push(following.codePointAt(0))
      at++
    } else elements.push(character.codePointAt(0))
  }
  return { elements, loops }
}

function bits(words: number, places: readonly number[]): Uint32Array {
  const array = new Uint32Array(words)
  for (const place of places) set(array, place)
  return array
}

function set(array: Uint32Array, place: number): void {
  array[place >> 5] = array[place >> 5]! | (1 << (place & 31))
}

function has(array: Uint32Array, place: number): boolean {
  return ((array[place >> 5]! >>> (place & 31)) & 1) === 1
}
