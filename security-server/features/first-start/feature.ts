/** The way from a server without anything to its first answered call, as steps. */
import type { FeatureModule } from '#platform/feature.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText } from '#schemas/identifiers.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import { certificateSteps } from './certificate-steps.ts'
import { exchangeSteps } from './exchange-steps.ts'
import { createFiledStates } from './filed.ts'
import { createFirstAnswer } from './first-answer.ts'
import type { Needs } from './needs.ts'
import { trustSteps } from './trust-steps.ts'

const MOST_NAMED = 20

type Offers = {
  /** Whether this server has still to answer its first call. Throws when the log cannot tell. */
  isBeforeFirstCall(): Promise<boolean>
}

export const firstStart: FeatureModule<Needs, Offers> = {
  name: 'first-start',
  open: (ground) => {
    const filed = createFiledStates(ground)
    const firstAnswer = createFirstAnswer(ground)
    return {
      operations: {
        async getFirstStart() {
          const answered = await firstAnswer()
          const trust = trustSteps(ground)
          const certificates = await certificateSteps(ground, trust, filed)
          const isKnown = certificates.every(({ state }) => state === 'done')
          const exchange = await exchangeSteps(ground, isKnown, filed, answered)
          return {
            serverId: colonForm(idText(ground.server)),
            finished: answered !== undefined,
            ...whoIsThere(ground),
            steps: [...trust, ...certificates, ...exchange],
          }
        },
      },
      offers: {
        isBeforeFirstCall: async () => (await firstAnswer()) === undefined,
      },
    }
  },
}

/** Those for whom a step may wait, by the names that the configuration gives them. */
function whoIsThere({ globalConfiguration, server }: Needs) {
  const index = inForce(globalConfiguration)?.index
  const service = index?.privateParameters?.managementService
  const { authCertRegServiceAddress: address, providerId } = service ?? {}
  return {
    registry: {
      instance: server.instance,
      name: providerId && index?.memberName(providerId),
      address,
    },
    authorities: (index?.shared.approvedCas ?? []).slice(0, MOST_NAMED).map(({ name }) => name),
    timeStamping: (index?.shared.approvedTsas ?? []).slice(0, MOST_NAMED).map(({ name }) => name),
  }
}
