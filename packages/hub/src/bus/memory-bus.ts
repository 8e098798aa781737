import type { Bus, BusMessage, MessageOn, Topic } from '../requests/ports.ts'

/** The bus of a single process. Handlers run at once, in the order they subscribed. */
export class MemoryBus implements Bus {
  readonly #handlers = new Map<string, Set<(message: BusMessage) => void>>()

  publish(message: BusMessage): void {
    for (const handler of this.#handlers.get(message.topic) ?? []) handler(message)
  }

  hasSubscribers(topic: string): boolean {
    return this.#handlers.has(topic)
  }

  subscribe<T extends Topic>(topic: T, handler: (message: MessageOn<T>) => void): () => void {
    const handlers = this.#handlers.get(topic) ?? new Set()
    this.#handlers.set(topic, handlers)
    const listen = (message: BusMessage): void => {
      if (isOn(message, topic)) handler(message)
    }
    handlers.add(listen)
    return () => {
      handlers.delete(listen)
      if (handlers.size === 0 && this.#handlers.get(topic) === handlers) this.#handlers.delete(topic)
    }
  }
}

function isOn<T extends Topic>(message: BusMessage, topic: T): message is MessageOn<T> {
  return message.topic === topic
}
