import type { SpacesClient } from '@websocket-spaces/client'

type NewSpace = Parameters<SpacesClient['createSpace']>[0]

/** The spaces on the pictures of the README. */
export const SHOWN_SPACES: readonly NewSpace[] = [
  {
    name: 'poems',
    emoji: '🪶',
    category: 'text',
    tags: ['poetry', '诗'],
    description: 'Writes a short poem about anything, in Chinese or English. 写一首短诗，中英文皆可。',
    examples: ['写一首关于Python的诗', 'A haiku about a queue that never loses anything'],
  },
  {
    name: 'translate-zh-en',
    emoji: '🌏',
    category: 'text',
    tags: ['translation'],
    description: 'Chinese ⇄ English, with notes on idioms. 中英互译，附成语说明。',
  },
  {
    name: 'speech-to-text',
    emoji: '🎙️',
    category: 'audio',
    tags: ['speech'],
    description: 'Transcribes meetings on the lab machine. 在实验室机器上转写会议录音。',
  },
  {
    name: 'sketch-to-image',
    emoji: '🎨',
    category: 'image',
    tags: ['diffusion'],
    description: 'A few words in, a painting out. 几个词，一幅画。',
  },
  {
    name: 'night-radio',
    emoji: '📻',
    category: 'audio',
    tags: ['speech', 'zh'],
    description: 'Reads your text like a late-night radio host; online after 20:00. 像深夜电台主播一样朗读，每晚八点后上线。',
  },
]
