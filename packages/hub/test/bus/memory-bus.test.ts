import { MemoryBus } from '../../src/bus/memory-bus.ts'
import { busContract } from './bus.contract.ts'

busContract('MemoryBus', () => {
  const bus = new MemoryBus()
  return Promise.resolve({ here: bus, there: bus, [Symbol.asyncDispose]: () => Promise.resolve() })
})
