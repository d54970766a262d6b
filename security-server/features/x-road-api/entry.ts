/** One operation of X-Road's management API, and the operations of ours that stand behind it. */
import type { Caller } from '#platform/http-service/caller.ts'

export type OwnInput = { params?: Record<string, string>; query?: Record<string, unknown>; body?: unknown }

/** A request at one of X-Road's addresses, with a caller who may do all that the entry does. */
export type Asked = {
  params: Record<string, string>
  query: Record<string, unknown>
  /** What JSON said, a Buffer for other types, undefined for none. */
  body: unknown
  caller: Caller
  /** Calls one of the entry's `through`; resolves to the body of its answer, throws its fault. */
  call<T = unknown>(operation: string, input?: OwnInput): Promise<T>
  /**
   * Throws `invalid_input` if one of these calls would become a proposal: a request of several steps would
   * stay half done. `instead` says what to do.
   */
  checkForOne(operation: string, inputs: OwnInput[], instead: string): Promise<void>
}

/** A file in an answer. */
type File = { bytes: unknown; name: string; type?: string }

export type Entry = {
  /** X-Road's operation id. */
  name: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below /api/v1, in Fastify's form. */
  path: string
  /** X-Road's status of success. */
  status: 200 | 201 | 202 | 204
  /**
   * Our operations that it may call. Whoever lacks a role for one of them is refused before the first, so
   * that no half of it is done.
   */
  through: readonly string[]
  /**
   * Who may call it, where no operation of ours stands behind it: what it tells is in the published
   * configuration.
   */
  roles?: readonly string[]
  /** The type of a body that is no JSON. */
  takes?: 'bytes'
  /** X-Road's codes in place of those of our faults, since programs look for them. */
  codes?: Readonly<Record<string, string>>
  answer(asked: Asked): unknown
}

/** A body that is sent as bytes. */
export function fileOf(bytes: unknown, name: string, type = 'application/octet-stream'): { file: File } {
  return { file: { bytes, name, type } }
}

export function isFile(result: unknown): result is { file: Required<File> } {
  return typeof result === 'object' && result !== null && 'file' in result
}
