/** What is held against an OpenAPI document, and what comes of it: all of it crosses threads. */
import type { HeaderList } from '#core/transport/header-list.ts'

/** A sample (`isSample`) has neither query nor headers of its own. */
export type RestMessage = {
  protocol: 'REST'
  method: string
  /** Raw, below the service. */
  path: string
  headers: HeaderList
  /** Without a content coding; undefined when there is none. */
  body: Uint8Array | undefined
} & (
  | { half: 'request'; query: string | undefined; isSample?: boolean }
  | { half: 'response'; status: number }
)

/** The first thing that is not as described. */
export type Violation = {
  /** In words of the description: `body`, `query id`, `status 404`. */
  place: string
  /** Names that the message gave, from the place on: a pointer in which `*` is any item of a list. */
  pointer: string
  /** The keyword that does not hold, with what it wants. */
  rule: string
}

export type Compiled<M> = {
  judge(message: M): Promise<Violation | undefined>
  /** Lets go of memory that no garbage collector sees. */
  free(): void
}
