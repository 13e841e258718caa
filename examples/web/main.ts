/** The session lives in the page. */
import { auto, open } from 'softxent';
import { describe, disc, fit, size } from './fit.js';

const output = document.querySelector('#result') as HTMLOutputElement;
try {
  await using session = await open(auto());
  const result = await fit(session, 200);
  output.value = describe(session.description, result);
  draw(disc(), 0);
  draw(
    result.logits.map((x) => 1 / (1 + Math.exp(-x))),
    size,
  );
} catch (error) {
  output.value = String(error);
}

function draw(shares: Float32Array, left: number): void {
  const context = (document.querySelector('#picture') as HTMLCanvasElement).getContext('2d');
  const image = new ImageData(size, size);
  shares.forEach((share, i) => image.data.set([255 * share, 255 * share, 255 * share, 255], 4 * i));
  context?.putImageData(image, left, 0);
}
