/** Compiles a document of either type, on the thread on which it is called. */
import { compileOpenApi } from '#core/openapi/compile-openapi.ts'
import type { Compiled } from '#core/openapi/rest-message.ts'
import { compileWsdl } from '#core/wsdl/compile-wsdl.ts'
import type { Described, DescribedMessage } from './described-message.ts'

/** Throws `invalid_input` that says what cannot be compiled. */
export async function compileDescription({ type, text }: Described): Promise<Compiled<DescribedMessage>> {
  if (type === 'OPENAPI') {
    const { judge, free } = compileOpenApi(text)
    return { judge: async (message) => (message.protocol === 'REST' ? judge(message) : NOT_ITS), free }
  }
  const { judge, free } = await compileWsdl(text)
  return { judge: async (message) => (message.protocol === 'SOAP' ? judge(message) : NOT_ITS), free }
}

const NOT_ITS = { place: 'operation', pointer: '', rule: 'the description is of another protocol' }
