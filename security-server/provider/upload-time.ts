/** Guarantees that a request is given up before the replay keys that it could repeat are forgotten. */
import { Fault } from '#schemas/fault.ts'
import { LONGEST_UPLOAD_MS } from '../message-log/replay-keys/replay-times.ts'
import type { ProviderRooms } from './rooms.ts'

/** Throws `request_timeout` when the request that arrived then (ms) takes longer than an upload may. */
export function checkUploadTime(arrived: number | undefined, { clock }: Pick<ProviderRooms, 'clock'>): void {
  if (arrived !== undefined && clock() - arrived > LONGEST_UPLOAD_MS) {
    throw new Fault('request_timeout', { what: `it took longer than ${LONGEST_UPLOAD_MS / 60_000} minutes` })
  }
}
