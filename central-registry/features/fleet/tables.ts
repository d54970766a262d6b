/** Row types of the fleet: reports, troubles, certificates, calls, outages. `_at` columns are ISO texts. */
import type { Generated } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { RegisterTables } from '../../register/tables.ts'

export type OutageRow = {
  id: Whole
  message: string
  starts_at: Time
  ends_at: Time
  /** JSON lists; if both are empty, the outage concerns everybody. */
  member_classes: string
  servers: string
  created_at: Time
  created_by: string
  ended_at: Time | null
  ended_by: string | null
}

type FleetTables = {
  fleet_server: {
    server: string
    /** The severity of the server's worst trouble now; 0 for none. */
    worst: Whole
    /** When the server made its newest report, by its own clock. */
    created_at: Time | null
    reported_at: Time | null
    version: string | null
    report: string | null
    probed_at: Time | null
    probe: string | null
  }
  fleet_trouble: {
    id: Generated<Whole>
    server: string
    kind: string
    severity: Whole
    message: string
    since: Time
    until: Time | null
  }
  fleet_certificate: {
    server: string
    sha256: string
    usage: string
    member: string | null
    authority: string | null
    not_after: Time
  }
  /** The counts are of exchanges that the server reported without names of the parties. */
  call_day: {
    server: string
    day: string
    settled: Whole
    created_at: Time
    answered: Whole
    failed: Whole
    refused: Whole
  }
  call_count: {
    id: Generated<Whole>
    server: string
    day: string
    side: string
    consumer: string
    /** `provider` is the service's subsystem; `service` is the rest of the service's id. */
    provider: string
    service: string
    answered: Whole
    failed: Whole
    refused: Whole
  }
  outage: Omit<OutageRow, 'id'> & { id: Generated<Whole> }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & FleetTables
