/**
 * The disk below a folder: room, how long a durable write takes, and whether the file system is of this
 * machine.
 */
import { mkdtemp, open, rm, stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import { type Finding, toDo, well, whyOf } from './finding.ts'
import type { Setting } from './settings.ts'

const GIB = 2 ** 30
const FREE = 2 * GIB
const WRITES = 50
const BLOCK = 4096
/** Exchanges wait for a commit each, in groups: above that a call takes longer by it, twice. */
const SLOW_MS = 20
/** Of statfs(2): file systems on which an embedded database must not lie. */
const REMOTE = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x65735546, 'FUSE'],
])

/** `embedded`: whether a database of SQLite lies there. */
export async function lookAtDisk({ name, value }: Setting, embedded: boolean): Promise<Finding[]> {
  try {
    const folder = await existing(value)
    const { bavail, bsize, type } = await statfs(folder)
    const [free, remote] = [bavail * bsize, REMOTE.get(type)]
    const found = `${(free / GIB).toFixed(1)} GiB are free at ${folder}`
    return [
      free >= FREE
        ? well(`${name}, room`, found)
        : toDo(`${name}, room`, found, 'make room: a server without disk refuses every exchange'),
      ...(remote !== undefined && embedded
        ? [
            toDo(
              `${name}, file system`,
              remote,
              'put an embedded database on a local disk, or use PostgreSQL',
            ),
          ]
        : []),
      speedOf(name, await middleWrite(folder)),
    ]
  } catch (thrown) {
    return [
      toDo(
        `${name}, room`,
        `${value} cannot be written (${whyOf(thrown)})`,
        'let the user of the server write there',
      ),
    ]
  }
}

export function speedOf(name: string, ms: number): Finding {
  const found = `a durable write takes ${ms.toFixed(1)} ms`
  return ms < SLOW_MS
    ? well(`${name}, speed`, found)
    : toDo(
        `${name}, speed`,
        found,
        'use a disk with a faster sync: each exchange waits for one at both servers',
      )
}

/** The nearest folder that is there. */
async function existing(folder: string): Promise<string> {
  try {
    await stat(folder)
    return folder
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' || path.dirname(folder) === folder) throw thrown
    return existing(path.dirname(folder))
  }
}

async function middleWrite(folder: string): Promise<number> {
  const own = await mkdtemp(path.join(folder, '.concordat-doctor-'))
  try {
    const handle = await open(path.join(own, 'write'), 'w', 0o600)
    const times: number[] = []
    try {
      for (let at = 0; at < WRITES; at++) {
        const begun = performance.now()
        await handle.write(Buffer.alloc(BLOCK, at), 0, BLOCK, at * BLOCK)
        await handle.datasync()
        times.push(performance.now() - begun)
      }
    } finally {
      await handle.close()
    }
    return times.sort((a, b) => a - b)[WRITES / 2]!
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}
