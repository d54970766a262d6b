/** The backup folder of one server: file names sort by time, and only the newest files are kept. */
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

type KeptBackup = { name: string; bytes: number }

export type BackupFolder = {
  nameFor(at: number): string
  /** The path for a new backup with this name; creates the folder if needed. */
  fileFor(name: string): Promise<string>
  /** Newest first. */
  list(): Promise<KeptBackup[]>
  /** The path of a listed backup, which `node` made; throws `not_found`. */
  find(name: string, node: string): Promise<string>
  /**
   * Removes all backups except the newest `keep`. Of those made while the clock was ahead of `now` it is not
   * known how new they are: they go first. One that cannot be removed keeps no other one; throws its error.
   */
  prune(keep: number, now: number): Promise<void>
}

const END = '.concordat-backup'

/** `prefix` distinguishes the backups of different servers in one folder. */
export function openBackupFolder(directory: string, prefix: string): BackupFolder {
  const form = new RegExp(`^${prefix}-\\d{8}T\\d{9}Z\\.concordat-backup$`)

  async function names(): Promise<string[]> {
    const all = await readdir(directory).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return []
      throw new Fault('io_error', { what: directory, cause })
    })
    return all
      .filter((name) => form.test(name))
      .sort()
      .reverse()
  }

  const nameFor = (at: number): string =>
    `${prefix}-${new Date(at).toISOString().replace(/[-:.]/g, '')}${END}`

  return {
    nameFor,
    async fileFor(name) {
      await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
        throw new Fault('io_error', { what: directory, cause })
      })
      return path.join(directory, name)
    },
    async list() {
      const found: KeptBackup[] = []
      for (const name of await names()) {
        const facts = await stat(path.join(directory, name)).catch(() => undefined)
        if (facts !== undefined) found.push({ name, bytes: facts.size })
      }
      return found
    },
    async find(name, node) {
      if ((await names()).includes(name)) return path.join(directory, name)
      throw new Fault('not_found', {
        what: say`the backup ${name.slice(0, 100)} does not lie in the folder of this node; the node ${node} made it`,
      })
    },
    async prune(keep, now) {
      const [all, latest] = [await names(), nameFor(now)]
      const newest = [...all.filter((name) => name <= latest), ...all.filter((name) => name > latest)]
      const removed = newest.slice(keep).map((name) => rm(path.join(directory, name), { force: true }))
      const failed = (await Promise.allSettled(removed)).find(({ status }) => status === 'rejected')
      if (failed?.status === 'rejected') throw failed.reason
    },
  }
}
