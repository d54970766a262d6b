/**
 * Decisions that need two people: proposals, the persons who answer for the proposers, and carrying out each
 * proposal once.
 */
import type { FeatureModule } from '#platform/feature.ts'

import { openProposals, type ProposalOffers } from '#platform/proposals/open-proposals.ts'

type Named = { id: number; name: string }

type Ground = Parameters<typeof openProposals>[0]['ground'] & {
  /** Names of certification and time-stamping services, to explain a proposal. */
  trust: { services(): Promise<Named[]>; timestampingServices(): Promise<Named[]> }
  /** Whether changes of trust need two persons now. */
  fourEyes(): Promise<boolean>
}

export const approvals: FeatureModule<Ground, ProposalOffers> = {
  name: 'approvals',
  open: (ground) => {
    const { trust } = ground
    return openProposals({
      ...{ ground, isRequired: () => ground.fourEyes() },
      nameOf: async (operation, id) => {
        const services = /Timestamping/.test(operation)
          ? await trust.timestampingServices()
          : await trust.services()
        return services.find((one) => one.id === id)?.name
      },
    })
  },
}
