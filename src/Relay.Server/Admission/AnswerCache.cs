using System.Diagnostics.CodeAnalysis;
using Relay.Protocol;
using Timing;

namespace Relay.Server.Admission;

/// <summary>What the operator's service is asked about: a key and where it comes from.</summary>
internal readonly record struct CallbackQuestion(NodeKey Key, UInt128 Source);

/// <summary>Answers of the operator's service, those still awaited among them, so that one question is asked once. Bounded: the oldest make room.</summary>
internal sealed class AnswerCache(int maxAnswers)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<CallbackQuestion, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byAge = [];

    public int Count
    {
        get
        {
            lock (_lock) return _entries.Count;
        }
    }

    /// <summary>Finds an answer that is there and fresh, or is awaited.</summary>
    public bool TryFind(CallbackQuestion question, Instant now, [NotNullWhen(true)] out Task<CallbackAnswer>? answer)
    {
        lock (_lock)
        {
            answer = null;
            if (!_entries.TryGetValue(question, out LinkedListNode<Entry>? entry)) return false;
            if (now < entry.Value.Until) answer = entry.Value.Answer;
            else Remove(entry);
            return answer is not null;
        }
    }

    /// <summary>Keeps an answer, or one that is awaited, until a time.</summary>
    public void Keep(CallbackQuestion question, Task<CallbackAnswer> answer, Instant until)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(question, out LinkedListNode<Entry>? old)) Remove(old);
            if (_entries.Count >= maxAnswers) Remove(_byAge.First!);
            _entries[question] = _byAge.AddLast(new Entry(question, answer, until));
        }
    }

    private void Remove(LinkedListNode<Entry> entry)
    {
        _byAge.Remove(entry);
        _entries.Remove(entry.Value.Question);
    }

    private sealed record Entry(CallbackQuestion Question, Task<CallbackAnswer> Answer, Instant Until);
}
