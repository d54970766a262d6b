/** Which contracts a person sees, in which order. */
import t from 'tap'
import type { ContractState } from '#schemas/contract.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import { findContracts, partiesHere, signersOf, waitsHere } from './find.ts'

t.test(
  'contracts are found by state, side and words; what waits for a member of this server comes first',
  async (t) => {
    const signer = signersOf({
      signingIdentity: ({ memberCode }) => {
        if (memberCode !== '1') throw new Error('no key')
        return {} as never
      },
    })
    const kept = (
      title: string,
      state: ContractState,
      more: { own?: string; waits?: string[]; until?: string } = {},
    ) => {
      const { own = 'DEV/GOV/1/a', waits = [], until = '2027' } = more
      const consumers = { subsystems: [own] }
      const content = {
        title,
        contract: title,
        version: 1,
        provider: 'DEV/GOV/9/b%20c',
        consumers,
        validUntil: until,
      }
      return { listed: { state, waitsFor: waits }, content, joined: [], seals: [] } as unknown as KeptContract
    }
    const all = [
      kept('active', 'ACTIVE', { until: '2026' }),
      kept('declined', 'DECLINED', { waits: ['DEV/GOV/1'] }),
      kept('theirs', 'PROPOSED', { waits: ['DEV/GOV/9'] }),
      kept('ours', 'PROPOSED', { waits: ['DEV/GOV/9', 'DEV/GOV/1'], until: '2028' }),
      kept('hosted', 'ACTIVE', { own: 'DEV/GOV/2/x' }),
    ]
    const found = (query: object): string[] =>
      findContracts(all, { offset: 0, ...query }, signer).page.map(({ content }) => content.title)
    t.same(found({}), ['ours', 'theirs', 'active', 'hosted', 'declined'])
    t.same(found({ waiting: true }), ['ours'], 'what was declined waits for nobody')
    t.same(found({ side: 'consumer', state: 'ACTIVE' }), ['active'])
    t.same(found({ side: 'provider' }), [])
    t.same(found({ q: ' GOV:9:B C ', sort: '-validUntil', limit: 2 }), ['ours', 'declined'])
    t.same(found({ sort: 'title', offset: 1, limit: 1 }), ['declined'])
    t.same(found({ q: '<script>' }), [])
    t.same(partiesHere(all[0]!, signer), ['DEV/GOV/1'])
    t.same(waitsHere(all[1]!, signer), [])
  },
)
