/** How much room is left where this server keeps its files. */
import { statfs } from 'node:fs/promises'
import { say, type Word } from '#schemas/said.ts'

export type Diagnosis = {
  name: string
  state: 'OK' | 'WARNING' | 'ERROR'
  message: Word
  remedy?: Word | undefined
}

const WARN_SHARE = 0.1
const ERROR_SHARE = 0.02
const GIB = 1024 ** 3

export async function disk(directory: string): Promise<Diagnosis> {
  const name = 'disks'
  try {
    const { bavail, blocks, bsize } = await statfs(directory)
    const share = blocks === 0 ? 1 : bavail / blocks
    const message = say`${((bavail * bsize) / GIB).toFixed(1)} GiB are free, ${Math.floor(share * 100)} % of the disk`
    if (share >= WARN_SHARE) return { name, state: 'OK', message }
    const remedy = say`Make room, or archive and erase old records, before the log can take no more`
    return { name, state: share < ERROR_SHARE ? 'ERROR' : 'WARNING', message, remedy }
  } catch (cause) {
    const message = say`the disk does not say: ${(cause as Error).message}`
    return { name, state: 'WARNING', message, remedy: say`Check the server's directory` }
  }
}
