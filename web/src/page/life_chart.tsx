import { useComputedColorScheme } from '@mantine/core';
import { BarChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';
import { useWords, type Words } from '../i18n';
import { STATES, type LifecycleAnswer } from '../logic/answers';
import type { Interval } from '../logic/dates';
import { dark, light, type Tokens } from '../theme/tokens';
import styles from './trend.module.css';

echarts.use([BarChart, GridComponent, TooltipComponent, CanvasRenderer]);

interface Props {
  answer: LifecycleAnswer;
  interval: Interval;
  label: string;
}

// Built from elements, for the page's policy; see chart.tsx.
function tip({ answer, interval }: Props, index: number, tokens: Tokens, { t, format }: Words) {
  const box = document.createElement('div');
  box.className = styles.tip ?? '';
  const head = document.createElement('p');
  head.textContent =
    format.bucket(answer.intervals[index] ?? '', interval) +
    (answer.final[index] === false ? ` · ${t('trend.running')}` : '');
  box.append(head);
  STATES.forEach((state, i) => {
    const line = document.createElement('div');
    const mark = document.createElement('i');
    mark.style.background = tokens.series[i] ?? '';
    const text = document.createElement('span');
    text.textContent = t(`lifecycle.${state}`);
    const value = document.createElement('b');
    const number = answer[state][index];
    value.textContent = number === null || number === undefined ? '–' : format.count(number);
    line.append(mark, text, value);
    box.append(line);
  });
  return box;
}

/** Who is active stands on the line, in three parts; who went hangs below it. */
function optionOf(props: Props, tokens: Tokens, words: Words, font: string) {
  const { answer, interval } = props;
  const { format } = words;
  const text = { color: tokens.muted, fontFamily: font, fontSize: 12 };
  return {
    animation: false,
    textStyle: { fontFamily: font },
    grid: { left: 4, right: 16, top: 12, bottom: 4, containLabel: true },
    xAxis: {
      type: 'category' as const,
      data: answer.intervals,
      axisLine: { onZero: true, lineStyle: { color: tokens.lineStrong } },
      axisTick: { show: false },
      axisLabel: {
        ...text,
        hideOverlap: true,
        margin: 10,
        formatter: (start: string) => format.shortBucket(start, interval),
      },
    },
    yAxis: {
      type: 'value' as const,
      splitNumber: 4,
      minInterval: 1,
      splitLine: { lineStyle: { color: tokens.line } },
      axisLabel: { ...text, formatter: (value: number) => format.count(value) },
    },
    tooltip: {
      trigger: 'axis' as const,
      confine: true,
      transitionDuration: 0,
      backgroundColor: tokens.raised,
      borderColor: tokens.lineStrong,
      padding: [8, 12],
      textStyle: { color: tokens.text, fontFamily: font, fontSize: 13 },
      axisPointer: { type: 'shadow' as const },
      formatter: (points: unknown) => {
        const index = (points as { dataIndex: number }[])[0]?.dataIndex ?? 0;
        return tip(props, index, tokens, words);
      },
    },
    series: STATES.map((state, i) => ({
      type: 'bar' as const,
      name: words.t(`lifecycle.${state}`),
      stack: 'people',
      color: tokens.series[i] ?? tokens.accent,
      barMaxWidth: 40,
      emphasis: { disabled: true },
      data: answer[state].map((value, k) => ({
        value,
        itemStyle: { opacity: answer.final[k] === false ? 0.45 : 1 },
      })),
    })),
  };
}

export default function LifeChart(props: Props) {
  const words = useWords();
  const scheme = useComputedColorScheme('light');
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<echarts.ECharts>(null);

  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const made = echarts.init(element, null, { renderer: 'canvas' });
    chart.current = made;
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);

  useEffect(() => {
    const draw = () => {
      const font = getComputedStyle(document.body).fontFamily;
      chart.current?.setOption(
        optionOf(props, scheme === 'dark' ? dark : light, words, font),
        { notMerge: true },
      );
    };
    draw();
    // A canvas does not draw itself again when its font arrives.
    let live = true;
    void document.fonts.ready.then(() => live && draw());
    return () => {
      live = false;
    };
  }, [props, scheme, words]);

  return <div ref={box} className={styles.chart} role="img" aria-label={props.label} />;
}
