/** Gets a tile or a bundle of entries of a registry's log, by the names of C2SP tlog-tiles. */
import { HASH_LENGTH } from '#core/merkle/hash.ts'
import { TILE_WIDTH } from '#core/merkle/tiles.ts'
import { Fault } from '#schemas/fault.ts'
import { askLog } from './ask-log.ts'

const MOST = { '0': TILE_WIDTH * HASH_LENGTH, entries: TILE_WIDTH * (2 + 0xffff) }

/** Throws `network_error`, or `missing`, if given, for one that is not there. */
export function getTile(
  prefix: string,
  { level, index, width }: { level: '0' | 'entries'; index: number; width: number },
  missing?: Fault,
): Promise<Buffer> {
  const part = width < TILE_WIDTH ? `.p/${width}` : ''
  return getFile(`${prefix}/log/tile/${level}/${tileName(index)}${part}`, MOST[level], missing)
}

export async function getFile(url: string, most: number, missing?: Fault): Promise<Buffer> {
  const { status, body } = await askLog(url, most)
  if (status === 404 && missing !== undefined) throw missing
  if (status !== 200)
    throw new Fault('network_error', { what: url, cause: new Error(`it answered ${status}`) })
  return body
}

/** In groups of three digits, all but the last after an "x". */
function tileName(index: number): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g)!
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
}
