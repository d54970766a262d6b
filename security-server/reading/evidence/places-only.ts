/**
 * The log as a person may see it, and whoever is shown that an exchange took place and not what it was:
 * leaves and their paths. Nothing is opened. Who knows how such a message looks could try the codes of
 * officials and of other people against any plain digest of it, and a signature document is made of such
 * digests.
 */
import type { BundleSource } from './write-bundle.ts'

export function placesOnly(log: BundleSource['log']): BundleSource['log'] {
  return {
    ...log,
    read: async (index) => ({
      ...(await log.read(index)),
      ...{ metadata: undefined, circumstances: undefined, message: undefined, body: undefined },
      ...{ bodyFile: undefined, attachments: undefined, timeStamp: undefined },
      ...{ signatures: undefined, hashChain: undefined, hashChainResult: undefined },
    }),
    proof: async (index, size) => ({ ...(await log.proof(index, size)), openings: {} }),
    // It has the digests of the signatures that were stamped along.
    stampProof: async () => undefined,
  }
}
