/**
 * All faults: X-Road's codes (ErrorCodes.java) and ours, with HTTP status, who has to act first, the public
 * text and the remedy. The rows are in faults/. docs/errors.md has the same list: `concordat check --fix`
 * writes it.
 */
import { adapterFaults } from './faults/adapter.ts'
import { administrationFaults } from './faults/administration.ts'
import { collectorFaults } from './faults/collector.ts'
import { commandFaults } from './faults/command.ts'
import { deliveryFaults } from './faults/delivery.ts'
import type { FaultEntry } from './faults/entry.ts'
import { exchangeFaults } from './faults/exchange.ts'
import { messageFaults } from './faults/message.ts'
import { operationFaults } from './faults/operation.ts'
import { previewFaults } from './faults/preview.ts'
import { renewalFaults } from './faults/renewal.ts'
import { storedFileFaults } from './faults/stored-file.ts'
import { subscriptionFaults } from './faults/subscription.ts'

export const catalogue = {
  ...exchangeFaults,
  ...previewFaults,
  ...messageFaults,
  ...operationFaults,
  ...collectorFaults,
  ...administrationFaults,
  ...adapterFaults,
  ...deliveryFaults,
  ...subscriptionFaults,
  ...renewalFaults,
  ...storedFileFaults,
  ...commandFaults,
} satisfies Record<string, FaultEntry>
