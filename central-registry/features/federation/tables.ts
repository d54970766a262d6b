/** Row types of the configurations of federated instances. */

import type { Time, Whole } from '#schemas/sent-values.ts'
import type { RegisterTables } from '../../register/tables.ts'

/** The last reading of a federated instance; the columns after `failure` are of the last successful one. */
export type FederatedConfigurationRow = {
  instance: string
  /** SHA-256 of the anchor by which it was read. */
  anchor: string
  tried_at: Time | null
  failure: string | null
  read_at: Time | null
  url: string | null
  expires_at: Time | null
  /** JSON of the certificates, in base64, that the configuration itself names for its sources. */
  learned: string | null
  /** JSON of the address where the other registry accepts documents, and its certificate there. */
  registration: string | null
  version: Whole | null
  configuration_index: Whole | null
  shared_sha256: string | null
  shared: Buffer | null
}

type FederatedTables = { federated_configuration: FederatedConfigurationRow }

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & FederatedTables
