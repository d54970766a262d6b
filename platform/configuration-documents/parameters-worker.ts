/** The worker of read-parameters.ts: gets one document and returns its value or a fault. */
import { parentPort } from 'node:worker_threads'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { memoryOf, type PackedShared } from '#core/configuration/pack-shared.ts'
import { parsePrivateParameters } from '#core/configuration/private-parameters.ts'
import { readSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import { type CrossedFault, crossFault } from '#platform/threads/crossed-fault.ts'
import type { ConfigurationAnchor, PrivateParameters } from '#schemas/global-configuration.ts'

/** The values of the documents that the worker reads. */
export type Documents = { anchor: ConfigurationAnchor; shared: PackedShared; private: PrivateParameters }
export type Kind = keyof Documents
export type Question = { kind: Kind; xml: Uint8Array }
export type Answer = { value: Documents[Kind] } | { fault: CrossedFault }

const READERS = {
  anchor: parseAnchor,
  shared: readSharedParameters,
  private: parsePrivateParameters,
}
const port = parentPort!

async function answer({ kind, xml }: Question): Promise<Answer> {
  try {
    return { value: await READERS[kind](Buffer.from(xml.buffer, xml.byteOffset, xml.byteLength)) }
  } catch (thrown) {
    return { fault: crossFault(thrown) }
  }
}

port.on('message', (question: Question) => {
  void answer(question).then((given) => port.postMessage(given, memoryIn(question.kind, given)))
})

/** The buffers to transfer to the other thread instead of copying them. */
function memoryIn(kind: Question['kind'], given: Answer): ArrayBuffer[] {
  return kind === 'shared' && 'value' in given ? memoryOf(given.value as PackedShared) : []
}
