/** A sandbox that runs, and what its start is told. */
import type { Api } from './client.ts'
import type { Layout } from './layout.ts'
import type { Started } from './processes.ts'
import type { Kind } from './version.ts'

export type Instance = {
  layout: Layout
  registry: Api
  /** Whether the installation ceremony is done, so that changes of trust need two persons. */
  installed: boolean
  /** Whether this start has made it. */
  isNew: boolean
  servers: Record<string, Api>
  processes: Started[]
  stop(): Promise<void>
}

/**
 * Reports the progress; `part` is finished when `done` is called. `now` says how far it is, to whoever looks
 * at a terminal; of which share is done (0 to 1) it says what time remains.
 */
export type Progress = {
  begin(part: string): { now(how: string, share?: number): void; done(what?: string): void }
}

export type InstanceOptions = {
  layout: Layout
  progress: Progress
  /** Living: it is given a past before it starts, and has a fourth agency. */
  kind: Kind
  /** How many days the past of a living one has. */
  pastDays: number
  /** Nothing of it is there yet. */
  isNew: boolean
  /** Whether the sandbox goes through the installation ceremony; without it the operator's key acts alone. */
  install: boolean
  /** Whether the registry asks providers what they offer. These exchanges are in the logs too. */
  catalogue: boolean
  /** Environment variables, which override the settings files. */
  environment?: Record<string, string>
  /** More of them for one process, by its name. */
  environmentOf?: (name: string) => Record<string, string>
  onExit(name: string, why: string): void
  /** Aborted while it starts, all processes end and the start fails. */
  signal?: AbortSignal | undefined
}
