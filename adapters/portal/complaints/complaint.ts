/** A complaint of the person, as the system that keeps it tells it. Everything here was checked. */
import type { ComplaintFinding, ComplaintReason, ComplaintState } from '#schemas/find-usage.ts'
import type { System } from '../asking/find-systems.ts'
import type { Party, Why } from '../joining/row.ts'

export type Complaint = {
  told: System
  number: string
  messageId: string
  usedAt: string
  client: Party
  service: Party
  reason: ComplaintReason
  wantsAnswer: boolean
  state: ComplaintState
  receivedAt: string
  seenAt?: string
  answeredAt?: string
  closedAt?: string
  dueAt: string
  finding?: ComplaintFinding
  texts: { by: 'person' | 'agency'; at: string; text: string; isLost: boolean }[]
}

/** `dropped`: entries that could not be meant. `isCut`: it has more than are read. */
export type Told = { system: System; complaints: Complaint[]; dropped: number; isCut: boolean }
export type NotTold = { system: System; why: Why }
