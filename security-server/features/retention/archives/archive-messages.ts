/** Messages between the main thread and the thread that makes archives. */
import type { CrossedFault } from '#platform/threads/crossed-fault.ts'
import type { ArchiveQuestion } from './make-archive.ts'
import type { NextArchive } from './next-archive.ts'

/** Where the log's database, keys and bodies are. */
export type ArchivedLog = { databaseUrl: string; keyFolder: string; bodyFolder: string }

export type ToArchiver = { plan: NextArchive } | { make: ArchiveQuestion }
export type FromArchiver = { result: unknown } | { failed: CrossedFault }
