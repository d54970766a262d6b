/** For tests only: options of a log whose archives go to its database, and requests that are archived. */
import { randomUUID } from 'node:crypto'
import { writeRestRequest } from '#core/transport/rest-request.ts'
import { parseClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { idText } from '#schemas/identifiers.ts'
import { CLIENT, SERVICE, type TestLogOptions } from '../../../message-log/fixture.ts'
import type { RecordInput } from '../../../message-log/record-input.ts'

/** `living` are the processes that live besides `maker`; `left` the nodes that are gone for good. */
export function inDatabase(
  clusterKey: string,
  maker: string,
  living: ReadonlySet<string> = new Set(),
  left: ReadonlySet<string> = new Set(),
): Pick<TestLogOptions, 'sealing' | 'makers'> {
  return {
    sealing: { keys: parseClusterKeys(clusterKey, 'cluster key'), scope: 'DEV/GOV/1234/ss1' },
    makers: { maker, isUsed: true, living: async () => new Set([maker, ...living]), left: async () => left },
  }
}

/** Ids and message of a request from CLIENT, as its record says them: an archive is judged by both. */
export function requestOf(service = SERVICE): Pick<RecordInput, 'ids' | 'message'> {
  const ids = { id: randomUUID(), requestId: randomUUID() }
  const headers: [string, string][] = [
    ['X-Road-Client', idText(CLIENT)],
    ['x-road-request-id', ids.requestId],
    ['x-road-id', ids.id],
  ]
  return { ids, message: writeRestRequest({ method: 'GET', target: `/r1/${idText(service)}`, headers }) }
}
