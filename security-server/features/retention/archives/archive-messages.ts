/** Messages between the main thread and the thread that makes archives. */

import type { Sealing } from '#platform/stored-files/stored-files.ts'
import type { CrossedFault } from '#platform/threads/crossed-fault.ts'
import type { ArchiveQuestion } from './make-archive.ts'
import type { NextArchive } from './next-archive.ts'

/** Where the log's database, keys and bodies are; `sealing` for archives that go to the database. */
export type ArchivedLog = {
  databaseUrl: string
  keyFolder: string
  bodyFolder: string
  sealing?: Sealing | undefined
}

export type ToArchiver = { plan: NextArchive } | { make: ArchiveQuestion }
export type FromArchiver = { result: unknown } | { failed: CrossedFault }
