/** Milliseconds for a connection to PostgreSQL, where the URL says nothing else. */
const CONNECT_MS = 2000

/** Takes `?connectMs=` out of the URL, which is none of pg's options. */
export function connectLimit({ searchParams }: URL): number {
  const limitMs = Number(searchParams.get('connectMs') ?? CONNECT_MS)
  searchParams.delete('connectMs')
  return limitMs
}
