/** Milliseconds for a connection to PostgreSQL, where the URL says nothing else. */
const CONNECT_MS = 2000
/**
 * A limit that passed by so much more had passed while this process stood still: it was not running, or its machine was stopped. Then the server
 * may have answered in time, and nobody looked.
 */
const STOOD_MS = 50
/** For one connection, where this process stands still again and again. */
const MOST_TRIES = 4

/** Takes `?connectMs=` out of the URL, which is none of pg's options. */
export function connectLimit({ searchParams }: URL): number {
  const limitMs = Number(searchParams.get('connectMs') ?? CONNECT_MS)
  searchParams.delete('connectMs')
  return limitMs
}

/**
 * Connects to PostgreSQL, again where the limit passed while this process stood still. Nothing was sent over a connection that was not got, so
 * another one changes nothing.
 */
export async function connectAgain<Connected>(
  limitMs: number,
  connect: () => Promise<Connected>,
): Promise<Connected> {
  for (let tries = 1; ; tries++) {
    const began = performance.now()
    try {
      return await connect()
    } catch (cause) {
      const stood = isTimeout(cause) && performance.now() - began > limitMs + STOOD_MS
      if (!stood || tries === MOST_TRIES) throw cause
    }
  }
}

/** In the words of pg, which has no code for it. */
function isTimeout(cause: unknown): boolean {
  return /timeout/.test(String((cause as Error).message))
}
