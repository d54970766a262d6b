/** Row types of the fleet: reports, troubles, certificates, calls, outages. `_at` columns are ISO texts. */
import type { Generated } from 'kysely'
import type { RegisterTables } from '../../register/tables.ts'

export type OutageRow = {
  id: number
  message: string
  starts_at: string
  ends_at: string
  /** JSON lists; if both are empty, the outage concerns everybody. */
  member_classes: string
  servers: string
  created_at: string
  created_by: string
  ended_at: string | null
  ended_by: string | null
}

type FleetTables = {
  fleet_server: {
    server: string
    /** The severity of the server's worst trouble now; 0 for none. */
    worst: number
    /** When the server made its newest report, by its own clock. */
    created_at: string | null
    reported_at: string | null
    version: string | null
    report: string | null
    probed_at: string | null
    probe: string | null
  }
  fleet_trouble: {
    id: Generated<number>
    server: string
    kind: string
    severity: number
    message: string
    since: string
    until: string | null
  }
  fleet_certificate: {
    server: string
    sha256: string
    usage: string
    member: string | null
    authority: string | null
    not_after: string
  }
  /** The counts are of exchanges that the server reported without names of the parties. */
  call_day: {
    server: string
    day: string
    settled: number
    created_at: string
    answered: number
    failed: number
    refused: number
  }
  call_count: {
    id: Generated<number>
    server: string
    day: string
    side: string
    consumer: string
    /** `provider` is the service's subsystem; `service` is the rest of the service's id. */
    provider: string
    service: string
    answered: number
    failed: number
    refused: number
  }
  outage: Omit<OutageRow, 'id'> & { id: Generated<number> }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & FleetTables
