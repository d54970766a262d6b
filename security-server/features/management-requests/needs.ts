/** The parts of the server that this feature uses. */
import type { Clock } from '#platform/clock.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Keys } from '../../keys/keys.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import type { RegistrationClient } from './client.ts'
import type { FileXRoadRequest } from './x-road/file-request.ts'

export type Needs = {
  server: ServerId
  clock: Clock
  keys: Keys
  localSystems: LocalSystems
  registration: RegistrationClient
  /** Whether the instance has a central server of X-Road's, which knows no documents of ours. */
  isXRoads(): boolean
  fileXRoadRequest: FileXRoadRequest
}
