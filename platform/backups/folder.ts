/** The folder of the backups of one server: names that sort by time, and never more files than are to be kept. */
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'

type KeptBackup = { name: string; bytes: number }

export type BackupFolder = {
  nameFor(at: number): string
  /** Where a backup of this name is to be written; the folder is made when it is absent. */
  fileFor(name: string): Promise<string>
  /** Newest first. */
  list(): Promise<KeptBackup[]>
  /** Where a listed one lies; throws `not_found`. */
  find(name: string): Promise<string>
  /** Removes all but the newest `keep`. */
  prune(keep: number): Promise<void>
}

const END = '.concordat-backup'

/** `prefix` tells backups of different servers in one folder apart. */
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

  return {
    nameFor: (at) => `${prefix}-${new Date(at).toISOString().replace(/[-:.]/g, '')}${END}`,
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
    async find(name) {
      if ((await names()).includes(name)) return path.join(directory, name)
      throw new Fault('not_found', {
        what: `the backup ${name.slice(0, 100)} does not lie in the folder of this node`,
      })
    },
    async prune(keep) {
      for (const name of (await names()).slice(keep)) await rm(path.join(directory, name), { force: true })
    },
  }
}
