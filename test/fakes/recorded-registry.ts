/** What a registry published once: recorded over HTTP, and served in its place unchanged or changed. */
import http from 'node:http'
import { ask } from '../world.ts'

const DIRECTORY = '/internalconf?version=6'

/** Bodies by path with query. */
export type Recording = Map<string, Buffer>

/**
 * Records the newest version of the internal configuration with its statement, proofs and parts. It records
 * again when the registry published meanwhile (a renewal, for example), because documents of two publications
 * do not belong together.
 */
export async function record(publicUrl: string): Promise<Recording> {
  const recording: Recording = new Map()
  const fetch = async (target: string): Promise<Buffer> => {
    const { status, body } = await ask(publicUrl, target)
    if (status !== 200) throw new Error(`${target} answered ${status}`)
    recording.set(target, body)
    return body
  }
  const directory = (await fetch(DIRECTORY)).toString('latin1')
  const statement = await fetch('/internalconf-statement?version=6')
  // A reader requests the proof from the head that it knows, whichever that is.
  const { size } = payloadOf((payloadOf(statement.toString()) as { logHead: string }).logHead) as {
    size: number
  }
  for (let from = 0; from < size; from++) await fetch(`/internalconf-log-proof?size=${size}&from=${from}`)
  for (const [, location] of directory.matchAll(/^Content-location: *(\S+)/gim)) await fetch(location!)
  const after = (await fetch(DIRECTORY)).toString('latin1')
  return after === directory ? recording : record(publicUrl)
}

function payloadOf(jws: string): unknown {
  return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString())
}

/** A copy with one body changed. */
export function changed(recording: Recording, target: RegExp, change: (body: string) => string): Recording {
  return new Map(
    [...recording].map(([name, body]) =>
      target.test(name) ? [name, Buffer.from(change(body.toString('latin1')), 'latin1')] : [name, body],
    ),
  )
}

/** Serves the recording at the registry's address; the returned function ends that. */
export async function serve(recording: Recording, publicUrl: string): Promise<() => Promise<void>> {
  const { hostname, port } = new URL(publicUrl)
  const server = http.createServer((request, response) => {
    const body = recording.get(request.url ?? '')
    response.writeHead(body === undefined ? 404 : 200).end(body)
  })
  await new Promise<void>((resolve) => void server.listen(Number(port), hostname, resolve))
  return async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}
