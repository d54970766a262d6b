/** A new folder that a declared file and the files that it names are written into. */
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { CommandError } from '../command-error.ts'

type NewFolder = {
  /** Writes a file, which must not be there; returns its name. */
  put(name: string, content: Buffer | string): Promise<string>
  count(): number
}

/** Throws a CommandError where the folder is there or cannot be made. */
export async function makeFolder(folder: string): Promise<NewFolder> {
  await mkdir(folder).catch((cause: Error) => {
    throw new CommandError(2, `${folder} cannot be made: ${cause.message}`, cause)
  })
  let files = 0
  return {
    put: async (name, content) => {
      files++
      await writeFile(path.join(folder, name), content, { flag: 'wx' }).catch((cause: Error) => {
        throw new CommandError(2, `${name} cannot be written: ${cause.message}`, cause)
      })
      return name
    },
    count: () => files,
  }
}
