/** Synthetic persons, the same for the same seed: no real people, and codes that no country issues. */

export type Person = {
  code: string
  givenName: string
  familyName: string
  born: string
  residence: string
  status: 'resident' | 'abroad' | 'deceased'
}

const GIVEN =
  'Aino Bela Cato Dara Edda Faro Gita Hale Ilmo Jana Kaja Lumi Mira Nilo Olla Pavo Runa Sini Tove Ulla Vesa Ylva Zeno'.split(
    ' ',
  )
const FAMILY_START =
  'Ash Birch Cedar Elder Fern Hazel Ivy Juniper Laurel Maple Oak Pine Rowan Spruce Thorn Willow Yew Alder Briar'.split(
    ' ',
  )
const FAMILY_END =
  'berg dale field ford gate holm land mark mere moor ridge stead stone ton vale water wick wood'.split(' ')
const TOWNS =
  'Northhaven Eastmere Southbridge Westwick Midvale Highstead Lowmoor Longford Newgate Oldholm'.split(' ')

/** `count` persons with the codes P00000001 and up. */
export function* people(count: number, seed = 20_26): Generator<Person> {
  const next = randomNumbers(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T
  for (let i = 1; i <= count; i++) {
    const year = 1930 + Math.floor(next() * 95)
    const month = 1 + Math.floor(next() * 12)
    const day = 1 + Math.floor(next() * 28)
    const fate = next()
    yield {
      code: `P${String(i).padStart(8, '0')}`,
      givenName: pick(GIVEN),
      familyName: `${pick(FAMILY_START)}${pick(FAMILY_END)}`,
      born: `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`,
      residence: pick(TOWNS),
      status: fate < 0.9 ? 'resident' : fate < 0.97 ? 'abroad' : 'deceased',
    }
  }
}

/** A child of this person, whose code comes after those of all others. */
export function newborn({ familyName, residence }: Person, born: Date): Person {
  const day = born.toISOString().slice(0, 10)
  return { code: 'P00012001', givenName: GIVEN[0]!, familyName, born: day, residence, status: 'resident' }
}

/** Numbers in [0, 1) from a 32-bit seed (mulberry32): repeatable, not for secrets. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
